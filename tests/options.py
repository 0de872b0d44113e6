"""The letters and texts of a question's options, as the benchmark shows them."""

LETTERS = list("ABCDE")
NAMES = {"A": "行业板块问询", "B": "个股问询", "C": "大盘问询", "D": "客服问询", "E": "基金问询"}
