#pragma once

#include <memory>
#include <string>

#define SHAPE_API

namespace geo {

constexpr double kPi = 3.14159;
using Name = std::string;

/// Something with an area.
class Shape {
 public:
  explicit Shape(Name name) : name_(std::move(name)) {}
  virtual ~Shape() = default;
  virtual double area() const = 0;
  const Name& name() const { return name_; }

  bool operator<(const Shape& other) const {
    // Shapes of one size are told apart by their names, so that sorting always gives the same order.
    if (area() == other.area()) return name_ < other.name_;
    return area() < other.area();
  }

 private:
  Name name_;
  int id_ = 0;
};

enum class Color { Red, Green };

// A pair of things that know their order: the smaller one comes first, whatever it was made with.
template <typename T>
struct Pair {
  T first;
  T second;
};

template <typename T>
T largest(const T& a, const T& b) {
  return a < b ? b : a;
}

namespace detail {
inline int next_id() { static int id = 0; return ++id; }
}  // namespace detail

}  // namespace geo

double geo::Circle::area() const {
  // The radius is checked when the circle is made; here it is known to be a number above zero.
  return geo::kPi * radius_ * radius_;
}
