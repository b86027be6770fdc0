"""The command line: parses, calls, prints. No maths, and nothing heavy is imported before a command needs it."""
