"""The memory: videos as conversations, frames as turns, and the words and phrases that come back."""
