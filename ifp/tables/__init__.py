"""Tables of findings, the same on the terminal and in the report; one file per kind."""
