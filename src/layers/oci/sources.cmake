set(LAYERS_OCI_SOURCES
  oci/image_config.cpp
  oci/json_document.cpp)
