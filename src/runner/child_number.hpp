// child_number: a descriptor's name in /proc/self/fd, where enter_descriptors() leads.
#pragma once

namespace layerbox::child {

class Number {
 public:
  explicit Number(int value) noexcept {
    do {
      *--first_ = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value > 0);
  }
  Number(const Number&) = delete;
  Number& operator=(const Number&) = delete;
  const char* text() const noexcept { return first_; }

 private:
  char digits_[16] = {};
  char* first_ = digits_ + sizeof digits_ - 1;
};

} // namespace layerbox::child
