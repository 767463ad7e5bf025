"""Acts on accounts: policy, step-up, request, approval, execution, read-back."""
