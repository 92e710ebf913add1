set(LAYERS_COPY_SOURCES
  copy/copy_name.cpp
  copy/copy_writer.cpp
  copy/covered_places.cpp
  copy/tell_copy.cpp
  copy/unpack_copy.cpp)
