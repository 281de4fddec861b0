"""Write a merged model: tensors piece by piece into safetensors, and the folder whole or not at all."""
