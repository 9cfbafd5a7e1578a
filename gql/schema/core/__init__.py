"""What types and fields share: context, arguments, scalars, enums, what is selected."""
