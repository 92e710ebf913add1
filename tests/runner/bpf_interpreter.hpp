// bpf_interpreter: what the kernel does with a filter, for tests without one. It knows the
// instructions that seccomp_program uses, and throws for all others, for jumps out of the program
// and for reads outside of the data, as the kernel's checker would refuse them.
// Source: linux/bpf_common.h, linux/filter.h, kernel/seccomp.c (seccomp_check_filter).
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace layerbox::test {

// What the program returns for `data`; `steps`, when given, counts the instructions it took.
inline std::uint32_t run_filter(const std::vector<sock_filter>& program, const seccomp_data& data,
                                std::size_t* steps = nullptr) {
  std::uint32_t a = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& i = program[at];
    if (steps != nullptr) ++*steps;
    switch (i.code) {
    case BPF_LD | BPF_W | BPF_ABS:
      if (i.k % 4 != 0 || i.k + 4 > sizeof data) throw std::logic_error("a read outside");
      std::memcpy(&a, reinterpret_cast<const char*>(&data) + i.k, 4);
      break;
    case BPF_ALU | BPF_AND | BPF_K:
      a &= i.k;
      break;
    case BPF_JMP | BPF_JA:
      at += i.k;
      break;
    case BPF_JMP | BPF_JEQ | BPF_K:
      at += a == i.k ? i.jt : i.jf;
      break;
    case BPF_JMP | BPF_JGE | BPF_K:
      at += a >= i.k ? i.jt : i.jf;
      break;
    case BPF_JMP | BPF_JGT | BPF_K:
      at += a > i.k ? i.jt : i.jf;
      break;
    case BPF_RET | BPF_K:
      return i.k;
    default:
      throw std::logic_error("an instruction that seccomp does not use");
    }
  }
  throw std::logic_error("the program runs off its end");
}

} // namespace layerbox::test
