"""What we call things: values, errors and protocols. Nothing here reads or writes anything."""
