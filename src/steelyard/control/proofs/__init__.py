"""What is proven of offers and tasks, and what that costs."""
