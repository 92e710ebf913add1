set(LAYERS_BACKEND_SOURCES backend/backends.cpp)
