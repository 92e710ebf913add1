// program_memory: the memory that the launcher writes a child's program into. It is shared with the
// processes that are made later, so that a child can be there before its program is (embryo.hpp).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>

namespace layerbox {

class ProgramMemory {
 public:
  // More than execve(2) takes as arguments and environment. What is not written takes no memory.
  static constexpr std::size_t kBytes = std::size_t{64} << 20;

  ProgramMemory(); // throws Error
  ProgramMemory(ProgramMemory&& other) noexcept;
  ProgramMemory& operator=(ProgramMemory&&) = delete;
  ~ProgramMemory();

  // `count` objects of value T{}. Throws Error(limit_exceeded) when the memory is full.
  template <typename T> std::span<T> array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    T* const first = static_cast<T*>(take(count * sizeof(T), alignof(T)));
    for (std::size_t i = 0; i < count; ++i)
      new (first + i) T{};
    return {first, count};
  }
  // A copy of `text` with a NUL behind it, aligned for whatever it stands for.
  char* text(std::string_view text);

 private:
  void* take(std::size_t bytes, std::size_t alignment);

  std::byte* begin_ = nullptr;
  std::size_t used_ = 0;
};

} // namespace layerbox
