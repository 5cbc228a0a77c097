"""What a capture says of a node, computed without any of mdht's code: from tshark's fields alone."""
