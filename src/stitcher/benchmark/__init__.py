"""What a conversation costs by how its requests are laid out: workloads, arms, providers."""
