"""What the index is and how it is kept: maths, SQL, settings, launcher, data; imported by `api` and `workers`."""
