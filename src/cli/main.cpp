#include <cstdio>

int main() {
  std::puts("layerbox " LAYERBOX_VERSION);
  return 0;
}
