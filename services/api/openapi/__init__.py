"""The OpenAPI 3.1 document, made of the endpoint table and of the types that validate."""
