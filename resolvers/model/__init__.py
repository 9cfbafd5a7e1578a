"""What resolvers take and give: records, ids, selections, mistakes."""
