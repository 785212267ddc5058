"""What coding agents call: the same tools over standard input and output (`stdio`) and HTTP (`http`).

`tools` has the table of them, `schemas` what they take and give, `text` how that reads, `places` how files
are named, `desk` who stands behind: the local library, or the service with the caller's key.
docs/reference/mcp.md.
"""
