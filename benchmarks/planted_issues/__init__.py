"""Issues planted in packages, and scripted models that solve them, or only say so. Tests share the kit."""
