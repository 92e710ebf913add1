#include "cli/bench/probe_program.hpp"

// LAYERBOX_BENCH_PROBE is the path of the built file.
asm(".pushsection .rodata\n"
    ".globl layerbox_bench_probe\n"
    "layerbox_bench_probe: .incbin \"" LAYERBOX_BENCH_PROBE "\"\n"
    ".globl layerbox_bench_probe_end\n"
    "layerbox_bench_probe_end: .byte 0\n"
    ".popsection\n");

// NOLINTBEGIN(modernize-avoid-c-arrays,readability-identifier-naming): the assembler's labels
extern "C" {
extern const char layerbox_bench_probe[];
extern const char layerbox_bench_probe_end[];
}
// NOLINTEND(modernize-avoid-c-arrays,readability-identifier-naming)

namespace layerbox::bench {

std::string_view probe_program() {
  return {layerbox_bench_probe, layerbox_bench_probe_end};
}

} // namespace layerbox::bench
