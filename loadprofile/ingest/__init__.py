"""Files and frames to readings. The only stage that reads files of meter data."""
