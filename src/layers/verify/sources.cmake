set(LAYERS_VERIFY_SOURCES
  verify/inventory.cpp
  verify/repair_store.cpp
  verify/verify_layer.cpp
  verify/verify_layers.cpp)
