"""The rule language (schema, compiler, matcher) and the packs as data: rules/zh/*.yaml, rules/forms/*.yaml."""
