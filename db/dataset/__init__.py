"""Files in and out: datasets and score sheets as CSV and spreadsheets; imported by the `sci` command."""
