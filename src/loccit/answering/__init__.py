"""What can be said from this evidence? Without a model: quotations, or an honest abstention."""
