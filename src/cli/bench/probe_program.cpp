#include "cli/bench/probe_program.hpp"

// LAYERBOX_BENCH_PROBE is the path of the built file.
asm(".pushsection .rodata\n"
    ".globl layerbox_bench_probe\n"
    "layerbox_bench_probe: .incbin \"" LAYERBOX_BENCH_PROBE "\"\n"
    ".globl layerbox_bench_probe_end\n"
    "layerbox_bench_probe_end: .byte 0\n"
    ".popsection\n");

extern "C" {
extern const char layerbox_bench_probe[];     // NOLINT(modernize-avoid-c-arrays)
extern const char layerbox_bench_probe_end[]; // NOLINT(modernize-avoid-c-arrays)
}

namespace layerbox::bench {

std::string_view probe_program() {
  return {layerbox_bench_probe, layerbox_bench_probe_end};
}

} // namespace layerbox::bench
