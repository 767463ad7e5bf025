"""Mail: what goes out, what comes in, and what keeps both safe."""
