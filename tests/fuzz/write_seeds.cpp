// fuzz_seeds DIRECTORY: the seeds of each target, as files of a directory with its name.
#include <filesystem>
#include <fstream>

#include "tests/fuzz/target.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  for (const layerbox::fuzz::Target& target : layerbox::fuzz::targets()) {
    const std::filesystem::path directory = std::filesystem::path(argv[1]) / target.name;
    std::filesystem::create_directories(directory);
    std::size_t number = 0;
    for (const std::string& seed : target.seeds()) {
      std::ofstream file(directory / ("seed-" + std::to_string(number++)), std::ios::binary);
      file << seed;
      if (!file.flush()) return 1;
    }
  }
  return 0;
}
