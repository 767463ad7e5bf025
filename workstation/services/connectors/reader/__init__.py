"""Client data by way of the reader: the ports of the direct connectors, with view tickets in place of credentials."""
