"""What next, and with which tool? Durable runs of blueprints, within limits, each tool behind a policy."""
