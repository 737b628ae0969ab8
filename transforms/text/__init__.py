"""Free text as closed categories, topic, language and length; never its words."""
