"""The report of a run: a folder of pages and pictures that needs no server and no network."""
