"""What next, and with which tool? Runs of blueprints: durable, within limits, every tool behind the gateway."""
