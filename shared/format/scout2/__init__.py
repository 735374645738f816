"""scout2: the default format; addresses that change daily, messages whose links are sealed, and tombstones."""
