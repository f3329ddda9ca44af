"""Letters to readers: written once for each key, kept until somebody posts them."""
