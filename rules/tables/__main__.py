from rules.tables import build

build()
