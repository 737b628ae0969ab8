"""What happens to the data: pure functions, frames and small frozen values in, the same out."""
