# What COINr makes of the values and the framework in the working directory: scores and ranks, and the seconds (see
# coinr.py).
library(COINr)

values <- read.csv("values.csv", check.names = FALSE)
measures <- read.csv("measures.csv")
parameters <- measures[measures$level == "parameter", ]
directions <- data.frame(iCode = parameters$code, Direction = parameters$direction)

started <- proc.time()[["elapsed"]]
scores <- Normalise(values, directions = directions)
for (level in c("parameter", "indicator", "category")) {
  below <- measures[measures$level == level, ]
  for (parent in unique(below$parent)) {
    children <- below[below$parent == parent, ]
    scores[[parent]] <- Aggregate(scores[children$code], f_ag = "a_amean", f_ag_para = list(w = children$weight))
  }
}
ranks <- as.data.frame(lapply(scores, function(score) rank(-score, ties.method = "min", na.last = "keep")))
cat(proc.time()[["elapsed"]] - started)

write.csv(format(scores, digits = 17), "scores.csv", row.names = FALSE)
write.csv(ranks, "ranks.csv", row.names = FALSE)
