set(LAYERS_BACKEND_SOURCES
  backend/as_store_owner.cpp
  backend/backends.cpp
  backend/copy.cpp
  backend/copy_file.cpp
  backend/copy_tree.cpp
  backend/overlay.cpp
  backend/overlay_probe.cpp)
