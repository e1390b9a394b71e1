"""The control database: schema, repositories, migrations."""
