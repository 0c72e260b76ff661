"""The `sci` command and the processes that it starts; nothing imports it."""
