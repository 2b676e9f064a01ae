// The passes over a row that turn scores into loss and gradient. Each is written once for both layouts, in two kinds:
// fast, for rows whose scores lie within 87 temperatures of each other, and general, for all others. On rows that both
// can process they agree to the last bit; general merely has more selects. The fast softmax and finish handle padding
// if instantiated with Masked; the terms between them need no such case, because a masked document reaches them with
// probability 0.
//
//   softmax   scores -> unnormalised e^(s - max), and what normalises them   softmax_passes.h
//   term      one loss: its value and h (and u) of every document, summed    term_passes.h
//   finish    grad = h - q sum h                                              finish_passes.h
//
// Exponentials, and with them everything that is linear in the teacher's probability, are kept 2^kLift times as large
// until the end: denormals are flushed, and what is lost that way must stay below 2^-120 even after multiplication by a
// large ln(p / q).
//
// Where one document dominates, 1 - q and sums over the others are never formed by subtraction (losses.md).
#pragma once
#include "finish_passes.h"
#include "softmax_passes.h"
#include "term_passes.h"
