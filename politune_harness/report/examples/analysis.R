# How far each arm moves an axis, items and seeds as crossed random effects.
# install.packages(c("arrow", "dplyr", "lme4"))
library(arrow)
library(dplyr)
library(lme4)

answers <- read_parquet("samples.parquet") |>
  filter(measure == "economic", is.na(prompted), !is.na(score)) |>
  filter(task == first(task)) |>
  mutate(
    arm = relevel(factor(arm), ref = "base"),
    model = interaction(arm, ifelse(is.na(seed), "", seed), drop = TRUE)
  )

# Each item moves for itself, and each trained model for all items; templates vary within an item.
fitted <- lmer(score ~ arm + (1 | item) + (1 | item:model) + (1 | model), data = answers)
print(summary(fitted))
print(confint(fitted, parm = "beta_", method = "Wald"))
