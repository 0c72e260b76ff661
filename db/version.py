"""The version of this program, as the installed package has it."""

from importlib.metadata import version

VERSION = version("smart-city-index")
