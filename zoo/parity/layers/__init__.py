"""Where two networks part: every shared value compared, in the whole and with the reference's values fed in."""
