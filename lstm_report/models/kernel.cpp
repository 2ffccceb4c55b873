// The recurrence of an LSTM or residual LSTM over whole sequences, forward and backward.
//
//   [a_i, a_f, a_g, a_o] = W [x_t, h_{t-1}] + b
//   i = σ(a_i),  f = σ(a_f),  g = tanh(a_g),  o = σ(a_o)
//   c_t = f ⊙ c_{t-1} + i ⊙ g,   h_t = o ⊙ tanh(c_t) [+ x_t, or + W_res x_t]
//
// Sequences do not depend on each other, so each thread takes some of them through all steps, and
// within a step the gates are computed while their pre-activations are still in the cache. The
// products are those of oneDNN, as PyTorch exports them (its `brgemm`): float32, or bfloat16 with
// float32 sums. Everything between two products is float32.
//
// Built and called by kernel.py. Arrays are contiguous and time-major: (T, B, features).
// A packed weight (K, N) is cut into panels of P columns, one after the other, (N/P, K, P); in
// bfloat16 two rows of a panel alternate element by element, (N/P, K/2, P, 2).

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <exception>
#include <immintrin.h>
#include <vector>

// Declared here as in ATen/native/CPUBlas.h, since that header takes half a minute to compile.
namespace c10 {
struct BFloat16 {
  uint16_t bits;
};
}  // namespace c10
namespace at::native::cpublas {
void brgemm(int64_t m, int64_t n, int64_t k, int64_t row_a, int64_t row_b, int64_t row_c, bool add,
            const c10::BFloat16* a, const c10::BFloat16* b, float* c, bool alternating);
void brgemm(int64_t m, int64_t n, int64_t k, int64_t row_a, int64_t row_b, int64_t row_c, bool add,
            const float* a, const float* b, float* c, bool alternating);
void brgemm_release(bool alternating);
}  // namespace at::native::cpublas

using c10::BFloat16;

// As `Sequences` in kernel.py; a pointer may be null where it says so.
struct Sequences {
  int64_t T, B, I, H, P;
  int64_t residual;   // whether h_t includes F(x_t)
  const void* x;      // (T, B, I)
  const void* w;      // forward: [W_x, W_h]ᵀ, (I+H, 4H); backward: W_h, (4H, H); packed
  const void* w_x;    // forward: W_resᵀ, (I, H), or null; backward: [W_x; W_res], (4H [+H], I); packed
  const float* bias;  // (4H), forward only
  const float *h_0, *c_0;  // (B, H)
  void* h;                 // (T, B, H): the hidden states; backward: their gradient
  void* joined;            // (T, B, I+H): x_t and h_{t-1}, or null; forward only
  float* c;                // (T, B, H)
  void* gates;             // (T, B, 4H), after σ and tanh; null: neither gates nor c are kept
  // Backward only.
  void* d_a;               // (T, B, 4H): gradient of the pre-activations
  void* d_h;               // (T, B, H): gradient of h_t through the whole future, or null
  float* d_x;              // (T, B, I), or null
  float* d_bias;           // (threads, 4H), zeros at the start
  float *d_h_0, *d_c_0;    // (B, H); d_c_0 enters as the gradient of the last c
};

namespace {

using at::native::cpublas::brgemm;

// Positions of the gates in stacked weights; kernel.py passes the order that cells.py declares.
constexpr int64_t INPUT = GATE_i, FORGET = GATE_f, CANDIDATE = GATE_g, OUTPUT = GATE_o, GATES = 4;
constexpr int64_t ROWS = 32;        // sequences that one thread takes through the steps together
constexpr float SATURATED = 20.0f;  // σ(±20) is 1 and 2e-9; the product of four 1 + e^20 is finite

// Sixteen float32 numbers; the compiler knows + - * / of them.
using Vector = __m512;
constexpr int64_t LANES = 16;

inline Vector all(float value) { return _mm512_set1_ps(value); }
inline Vector load(const float* from) { return _mm512_loadu_ps(from); }
inline void store(float* to, Vector values) { _mm512_storeu_ps(to, values); }

#ifdef __AVX512BF16__
inline Vector load(const BFloat16* from) {  // the upper half of a float32
  const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
inline void store(BFloat16* to, Vector values) {  // to the nearest, ties to even
  const __m256bh rounded = _mm512_cvtneps_pbh(values);
  std::memcpy(to, &rounded, sizeof rounded);
}
#endif

// e^x for x cut to ±SATURATED, with a relative error of about 1e-7; NaN stays NaN. The polynomial
// is that of Cephes' expf (Moshier 1989).
inline Vector exponential(Vector x) {
  x = _mm512_min_ps(all(SATURATED), _mm512_max_ps(all(-SATURATED), x));
  const Vector power = _mm512_roundscale_ps(x * all(1.44269504f), _MM_FROUND_TO_NEAREST_INT);
  const Vector r = x - power * all(0.693359375f) + power * all(2.12194440e-4f);
  Vector series = all(1.9875691500e-4f);
  series = series * r + all(1.3981999507e-3f);
  series = series * r + all(8.3334519073e-3f);
  series = series * r + all(4.1665795894e-2f);
  series = series * r + all(1.6666665459e-1f);
  series = series * r + all(5.0000001201e-1f);
  series = series * r * r + r + all(1.0f);
  return _mm512_scalef_ps(series, power);  // series · 2^power
}

inline Vector hyperbolic_tangent(Vector x) {
  return all(2.0f) / (all(1.0f) + exponential(all(-2.0f) * x)) - all(1.0f);
}

template <typename Element>
void fetch(const Element* first, int64_t count) {
  const char* place = reinterpret_cast<const char*>(first);
  for (int64_t k = 0; k < count * int64_t(sizeof(Element)); k += 64) __builtin_prefetch(place + k, 0, 2);
}

// Rows of each part when `count` rows are cut into the fewest parts of at most ROWS.
int64_t part_size(int64_t count) {
  const int64_t parts = (count + ROWS - 1) / ROWS;
  return parts ? (count + parts - 1) / parts : 1;
}

template <typename Element>
void forward(const Sequences& s, int64_t first, int64_t last) {
  constexpr bool alternating = sizeof(Element) == 2;
  const int64_t B = s.B, I = s.I, H = s.H, P = s.P, K = I + H, most = part_size(last - first);
  const auto *x = static_cast<const Element*>(s.x), *w = static_cast<const Element*>(s.w),
             *w_res = static_cast<const Element*>(s.w_x);
  auto *h = static_cast<Element*>(s.h), *joined = static_cast<Element*>(s.joined),
       *gates = static_cast<Element*>(s.gates);
  std::vector<Element> inputs(2 * most * K);  // [x_t, h_{t-1}] of this step and of the next
  std::vector<float> cell(most * H), sums((GATES + 1) * most * P);

  for (int64_t base = first; base < last; base += most) {
    const int64_t rows = std::min(most, last - base);
    Element *now = inputs.data(), *next = now + most * K;
    std::memcpy(cell.data(), s.c_0 + base * H, rows * H * sizeof(float));
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t j = 0; j < H; j += LANES)
        store(now + r * K + I + j, load(s.h_0 + (base + r) * H + j));

    for (int64_t t = 0; t < s.T; ++t) {
      const int64_t start = t * B + base;
      for (int64_t r = 0; r < rows; ++r)
        std::memcpy(now + r * K, x + (start + r) * I, I * sizeof(Element));
      if (joined) std::memcpy(joined + start * K, now, rows * K * sizeof(Element));

      for (int64_t column = 0; column < H; column += P) {
        for (int64_t k = 0; k < GATES; ++k)
          brgemm(rows, P, K, K, P, P, false, now, w + (k * H + column) * K,
                 sums.data() + k * most * P, alternating);
        if (w_res)
          brgemm(rows, P, I, K, P, P, false, now, w_res + column * I,
                 sums.data() + GATES * most * P, alternating);

        for (int64_t r = 0; r < rows; ++r) {
          const float *sum = sums.data() + r * P, *bias = s.bias + column;
          for (int64_t j = 0; j < P; j += LANES) {
            const auto grown = [&](int64_t k) {  // 1 + e^-a, of which σ(a) is the reciprocal
              const Vector a = load(sum + k * most * P + j) + load(bias + k * H + j);
              return all(1.0f) + exponential(k == CANDIDATE ? all(-2.0f) * a : -a);
            };
            const Vector e_i = grown(INPUT), e_f = grown(FORGET), e_g = grown(CANDIDATE),
                         e_o = grown(OUTPUT);
            // The four reciprocals for the price of one division.
            const Vector e_if = e_i * e_f, e_go = e_g * e_o, reciprocal = all(1.0f) / (e_if * e_go);
            const Vector i = e_f * e_go * reciprocal, f = e_i * e_go * reciprocal,
                         g = all(2.0f) * e_o * e_if * reciprocal - all(1.0f),
                         o = e_g * e_if * reciprocal;
            float* c = cell.data() + r * H + column + j;
            const Vector c_t = f * load(c) + i * g;
            Vector h_t = o * hyperbolic_tangent(c_t);
            if (w_res)
              h_t += load(sum + GATES * most * P + j);
            else if (s.residual)
              h_t += load(now + r * K + column + j);
            store(c, c_t);
            store(next + r * K + I + column + j, h_t);
            store(h + (start + r) * H + column + j, h_t);
            if (!gates) continue;
            store(s.c + (start + r) * H + column + j, c_t);
            Element* gate = gates + (start + r) * GATES * H + column + j;
            store(gate + INPUT * H, i), store(gate + FORGET * H, f);
            store(gate + CANDIDATE * H, g), store(gate + OUTPUT * H, o);
          }
        }
      }
      std::swap(now, next);
    }
    if (!gates) std::memcpy(s.c + base * H, cell.data(), rows * H * sizeof(float));
  }
  at::native::cpublas::brgemm_release(alternating);
}

template <typename Element>
void backward(const Sequences& s, int64_t first, int64_t last, int64_t thread) {
  constexpr bool alternating = sizeof(Element) == 2;
  const int64_t B = s.B, I = s.I, H = s.H, P = s.P, most = part_size(last - first);
  const bool projected = s.d_h != nullptr, identity = s.residual && !projected;
  const int64_t width = (GATES + 1) * H, K_x = projected ? width : GATES * H;
  const auto *w = static_cast<const Element*>(s.w), *w_x = static_cast<const Element*>(s.w_x),
             *gates = static_cast<const Element*>(s.gates), *d_out = static_cast<const Element*>(s.h);
  auto *d_a = static_cast<Element*>(s.d_a), *d_h = static_cast<Element*>(s.d_h);
  float* d_bias = s.d_bias + thread * GATES * H;
  std::vector<Element> d(most * width);  // gradients of the pre-activations and of h_t
  std::vector<float> d_cell(most * H), d_state(most * H);

  for (int64_t base = first; base < last; base += most) {
    const int64_t rows = std::min(most, last - base);
    std::memcpy(d_cell.data(), s.d_c_0 + base * H, rows * H * sizeof(float));
    std::fill(d_state.begin(), d_state.end(), 0.0f);

    for (int64_t t = s.T - 1; t >= 0; --t) {
      const int64_t start = t * B + base;
      for (int64_t r = 0; r < rows; ++r) {
        const int64_t row = start + r;
        const Element *gate = gates + row * GATES * H, *out = d_out + row * H;
        const float *c = s.c + row * H, *before = t ? c - B * H : s.c_0 + (base + r) * H;
        if (t) {  // the machine expects memory to be read upwards, and time runs backwards here
          fetch(gate - B * GATES * H, GATES * H);
          fetch(out - B * H, H);
          if (t > 1) fetch(before - B * H, H);
        }
        Element* target = d.data() + r * width;
        for (int64_t j = 0; j < H; j += LANES) {
          const Vector i = load(gate + INPUT * H + j), f = load(gate + FORGET * H + j),
                       g = load(gate + CANDIDATE * H + j), o = load(gate + OUTPUT * H + j);
          float *dh = d_state.data() + r * H + j, *dc = d_cell.data() + r * H + j;
          const Vector one = all(1.0f), squashed = hyperbolic_tangent(load(c + j));
          const Vector total = load(dh) + load(out + j);
          const Vector inner = load(dc) + total * o * (one - squashed * squashed);
          store(dh, total);
          store(dc, inner * f);
          const auto keep = [&](int64_t k, Vector values) {
            store(target + k * H + j, values);
            store(d_bias + k * H + j, load(d_bias + k * H + j) + values);
          };
          keep(INPUT, inner * g * i * (one - i));
          keep(FORGET, inner * load(before + j) * f * (one - f));
          keep(CANDIDATE, inner * i * (one - g * g));
          keep(OUTPUT, total * squashed * o * (one - o));
          if (projected) store(target + GATES * H + j, total);
        }
        std::memcpy(d_a + row * GATES * H, target, GATES * H * sizeof(Element));
        if (d_h) std::memcpy(d_h + row * H, target + GATES * H, H * sizeof(Element));
      }
      if (s.d_x) {
        float* d_x = s.d_x + start * I;
        if (identity) std::memcpy(d_x, d_state.data(), rows * H * sizeof(float));
        for (int64_t column = 0; column < I; column += P)
          brgemm(rows, P, K_x, width, P, I, identity, d.data(), w_x + column * K_x, d_x + column,
                 alternating);
      }
      for (int64_t column = 0; column < H; column += P)
        brgemm(rows, P, GATES * H, width, P, H, false, d.data(), w + column * GATES * H,
               d_state.data() + column, alternating);
    }
    std::memcpy(s.d_h_0 + base * H, d_state.data(), rows * H * sizeof(float));
    std::memcpy(s.d_c_0 + base * H, d_cell.data(), rows * H * sizeof(float));
  }
  at::native::cpublas::brgemm_release(alternating);
}

// Numbers below 1e-38, as gradients that fade over many steps become, count as zero while this
// lives: arithmetic with them is some 20 times slower.
struct DenormalsAsZero {
  const unsigned former = _mm_getcsr();
  DenormalsAsZero() { _mm_setcsr(former | _MM_FLUSH_ZERO_ON | 0x0040); }  // and those that are read
  ~DenormalsAsZero() { _mm_setcsr(former); }
};

}  // namespace

// Takes the sequences first to last (exclusive) through all steps; returns 0, or 1 on failure.
extern "C" int lstm_report_run(const Sequences* s, int64_t bfloat16, int64_t is_backward,
                               int64_t first, int64_t last, int64_t thread) {
  const DenormalsAsZero guard;
  try {
    if (!bfloat16) {
      is_backward ? backward<float>(*s, first, last, thread) : forward<float>(*s, first, last);
      return 0;
    }
#ifdef __AVX512BF16__
    is_backward ? backward<BFloat16>(*s, first, last, thread) : forward<BFloat16>(*s, first, last);
    return 0;
#else
    return 1;  // kernel.py does not ask for it here
#endif
  } catch (const std::exception&) {
    return 1;
  }
}
