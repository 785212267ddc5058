"""Ask a language, embedding or rerank model: nothing but this room knows a provider."""
