"""Cases: queue, claim and lease, evidence, packets, escalations."""
