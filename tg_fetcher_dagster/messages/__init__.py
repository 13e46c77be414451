"""What messages become: the day file's records. Pure, no I/O."""
