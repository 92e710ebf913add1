#include "layers/backend/backend.hpp"
